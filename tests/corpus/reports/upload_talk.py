def script(http):
    place = http.post("/files").headers["Location"]
    http.put(place, data=b"abc")
    http.put(place, data=b"def")
