const express = require("express");
const { rateLimit } = require("express-rate-limit");

const windowMs = 60_000;
const app = express();
const limiter = rateLimit({
  windowMs,
  limit: 2, // of this process: it counts in its memory
  keyGenerator: (request) => request.body.user,
});

app.use(express.json());
app.post("/login", limiter, (request, response) => {
  response.status(401).json({ error: "wrong password" });
});
app.listen(Number(process.argv[2]), "127.0.0.1");
