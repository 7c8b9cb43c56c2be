// Photos: put up, looked at, taken down.
const fs = require("node:fs");
const path = require("node:path");
const express = require("express");

const app = express();
const photos = process.env.SHARED_DIR;
fs.mkdirSync(photos, { recursive: true });

app.use(express.raw({ type: () => true, limit: "10mb" }));
app.param("name", (request, response, next, name) => {
  if (!/^[a-z0-9-]+$/.test(name)) return response.sendStatus(404);
  request.place = path.join(photos, name);
  return next();
});

app.put("/photos/:name", (request, response) => {
  const photo = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  fs.writeFileSync(request.place, photo);
  response.status(201).json({ name: request.params.name, bytes: photo.length });
});

app.get("/photos/:name", (request, response) => {
  if (!fs.existsSync(request.place)) return response.sendStatus(404);
  return response.type("application/octet-stream").send(fs.readFileSync(request.place));
});

app.get("/photos", (request, response) => {
  response.json({ photos: fs.readdirSync(photos).sort() });
});

app.delete("/photos/:name", (request, response) => {
  if (!fs.existsSync(request.place)) return response.sendStatus(404);
  fs.unlinkSync(request.place);
  return response.sendStatus(204);
});

app.listen(Number(process.argv[2]), "127.0.0.1");
