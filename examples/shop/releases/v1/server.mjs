// One worker: HTTP around the shop. Tells its parent the port that it got; on SIGTERM it finishes what it has begun,
// closes its connections and ends.
import http from "node:http";
import { openShop } from "./shop.mjs";

const shop = openShop(process.env);

async function readJson(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  return JSON.parse(text);
}

async function route(request) {
  const { method, url } = request;
  const order = /^\/orders\/(\d+)$/.exec(url);
  const price = /^\/prices\/(\w+)$/.exec(url);
  if (method === "GET" && url === "/health") return [200, await shop.health()];
  if (method === "GET" && url === "/orders/sample") return [200, await shop.sampleOrder()];
  if (method === "GET" && order !== null) return [200, await shop.order(Number(order[1]))];
  if (method === "GET" && price !== null) return [200, { cents: await shop.price(price[1]) }];
  if (method === "POST" && url === "/orders") return [201, await shop.placeOrder(await readJson(request))];
  return [404, { error: `${method} ${url}: no such page` }];
}

const server = http.createServer(async (request, response) => {
  const [status, body] = await route(request).catch((error) => [500, { error: error.message }]);
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
});

function end() {
  server.close(async () => {
    await shop.close();
    process.exit(0);
  });
}

process.on("SIGTERM", end);
process.on("SIGINT", () => undefined);
process.on("disconnect", end);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
