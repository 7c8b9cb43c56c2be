// The steps of a form, kept by the process; the second step sends who is not known to the first.
const http = require("http"), crypto = require("crypto");
const steps = {};

http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => { body += part; });
  request.on("end", () => {
    const known = steps[(request.headers.cookie || "").replace("wizard=", "")];
    if (request.url === "/step1" && request.method === "POST") {
      const id = crypto.randomUUID();
      steps[id] = JSON.parse(body).name;
      response.writeHead(303, { Location: "/step2", "Set-Cookie": `wizard=${id}` }).end();
    } else if (request.url === "/step2" && known) {
      response.writeHead(200, { "Content-Type": "text/html" }).end(`<p>Hello ${known}</p>`);
    } else {
      response.writeHead(302, { Location: "/step1" }).end();
    }
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
