// A cart in the memory of a Node process.
const http = require("node:http");

let visits = 0;
http
  .createServer((request, response) => {
    if (request.method === "POST") visits += 1;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ visits }));
  })
  .listen(Number(process.env.PORT), "127.0.0.1");
