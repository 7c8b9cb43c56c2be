// A counter for each visitor, in a signed cookie or in a Map of the process (KEEP=memory).
const crypto = require("node:crypto");
const express = require("express");

const app = express();
const counts = new Map();
const sign = (text) => crypto.createHmac("sha256", "the same key").update(text).digest("hex");

function cookie(request) {
  const found = /(?:^|; )visit=([^;]*)/.exec(request.headers.cookie ?? "");
  return found ? found[1] : "";
}

function count(request) {
  if (process.env.KEEP === "memory") return counts.get(cookie(request)) ?? null;
  const [value, signature] = cookie(request).split(".");
  return signature && sign(value) === signature ? Number(value) : null;
}

function keep(request, response, value) {
  let visit = `${value}.${sign(String(value))}`;
  if (process.env.KEEP === "memory") {
    visit = cookie(request) || crypto.randomUUID();
    counts.set(visit, value);
  }
  response.setHeader("Set-Cookie", `visit=${visit}; Path=/; HttpOnly`);
}

app.get("/", (request, response) => response.json({ ok: true }));
app.post("/visits", (request, response) => {
  keep(request, response, 0);
  response.status(201).json({ count: 0 });
});
app.post("/count", (request, response) => {
  const value = count(request);
  if (value === null) return response.status(401).json({ error: "begin a visit" });
  keep(request, response, value + 1);
  return response.json({ count: value + 1 });
});
app.get("/count", (request, response) => {
  const value = count(request);
  if (value === null) return response.status(401).json({ error: "begin a visit" });
  return response.json({ count: value });
});
app.listen(Number(process.env.PORT), "127.0.0.1");
