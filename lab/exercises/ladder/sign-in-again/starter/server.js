// The sign-in of a shop: the customer is in a signed cookie.
const crypto = require("node:crypto");
const cookieSession = require("cookie-session");
const express = require("express");

const app = express();
app.use(express.json());
app.use(cookieSession({ name: "session", keys: [crypto.randomBytes(32).toString("hex")] }));

app.post("/login", (request, response) => {
  request.session.name = request.body.name;
  request.session.city = request.body.city;
  response.json({ name: request.session.name });
});

app.get("/me", (request, response) => {
  if (!request.session.name) {
    return response.status(401).json({ error: "sign in first: POST /login" });
  }
  return response.json({ name: request.session.name, city: request.session.city });
});

app.listen(Number(process.argv[2]), "127.0.0.1");
