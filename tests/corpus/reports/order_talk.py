def script(http):
    for _ in range(2):
        http.post("/orders", json={"sku": "pen"}, headers={"Idempotency-Key": "k-77"})
