// Asks the front process: `node appctl.mjs start|stop|restart|status`, from the application's folder or with its path
// as second argument. Returns when it is done: after `restart` every worker runs the code that `current` points to with
// the present .env, after `stop` no worker has the database open.
import http from "node:http";
import { join, resolve } from "node:path";

const operations = ["start", "stop", "restart", "status"];
const [operation, folder = "."] = process.argv.slice(2);

function ask(name) {
  const socketPath = join(resolve(folder), "run", "control.sock");
  return new Promise((done, fail) => {
    const request = http.request({ socketPath, path: `/${name}`, method: "POST" }, async (response) => {
      let text = "";
      for await (const part of response.setEncoding("utf8")) text += part;
      const body = JSON.parse(text);
      if (response.statusCode === 200) done(body);
      else fail(new Error(body.error));
    });
    request.once("error", () => fail(new Error(`${socketPath}: the front process does not answer`)));
    request.end();
  });
}

async function main() {
  if (!operations.includes(operation)) {
    process.stderr.write(`appctl: "${operation ?? ""}" is none of ${operations.join(", ")}\n`);
    return 2;
  }
  try {
    process.stdout.write(`${JSON.stringify(await ask(operation))}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`appctl ${operation}: ${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main();
