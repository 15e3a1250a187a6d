/** The remote access gateway in the DMZ: a login page that runs nothing it is sent. Usage: access-gateway.ts OWN_ADDRESS */
import { createServer } from "node:http";
import { addressArgument } from "./loop.ts";

const [host] = addressArgument();

createServer((request, response) => {
  request.resume().on("end", () => {
    const known = request.url?.startsWith("/remote/") ?? false;
    response.writeHead(known ? 200 : 404, { "content-type": "text/html", server: "remote-access/2.1" });
    response.end(known ? "<html><title>Remote access</title></html>" : "<html>not found</html>");
  });
}).listen(80, host);
