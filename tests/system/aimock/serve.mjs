// Serves what the fixtures on stdin say, on a port of its own, until stdin ends. Prints the URL.
import { LLMock } from "@copilotkit/aimock";

let text = "";
process.stdin.setEncoding("utf8");
const begun = new Promise((resolve) => {
  process.stdin.on("data", (piece) => {
    text += piece;
    const end = text.indexOf("\n");
    if (end >= 0) resolve(text.slice(0, end));
  });
});
const mock = new LLMock({ port: 0, strict: true });
mock.addFixturesFromJSON(JSON.parse(await begun));
await mock.start();
console.log(mock.url);
process.stdin.on("end", async () => {
  await mock.stop();
  process.exit(0);
});
