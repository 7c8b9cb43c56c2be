const express = require("express");
const { rateLimit } = require("express-rate-limit");
const fs = require("node:fs");
const path = require("node:path");

const windowMs = 60_000;
const app = express();
const store = {
  // Each hit is a line of a file that all processes read and append to.
  increment(key) {
    const name = Buffer.from(key).toString("hex");
    const file = path.join(process.env.SHARED_DIR, name);
    const now = Date.now();
    fs.appendFileSync(file, `${now}\n`);
    const hits = fs.readFileSync(file, "utf8").split("\n").filter((at) => at > now - windowMs);
    return { totalHits: hits.length, resetTime: new Date(now + windowMs) };
  },
  decrement() {},
  resetKey() {},
};
const limiter = rateLimit({
  windowMs,
  limit: 2, // of all processes
  store,
  keyGenerator: (request) => request.body.user,
});

app.use(express.json());
app.post("/login", limiter, (request, response) => {
  response.status(401).json({ error: "wrong password" });
});
app.listen(Number(process.argv[2]), "127.0.0.1");
