// As many processes as MR_PEER_PROCESSES says, sharing one unix socket.
import cluster from "node:cluster";
import { chmodSync, rmSync } from "node:fs";

export function serve(path, makeServer) {
    if (cluster.isPrimary) {
        rmSync(path, { force: true });
        const count = Number(process.env.MR_PEER_PROCESSES ?? 1);
        for (let i = 0; i < count; i++) {
            cluster.fork();
        }
        cluster.on("listening", () => console.log("listening"));
        cluster.on("exit", () => process.exit(1));
    } else {
        makeServer().listen(path, () => chmodSync(path, 0o777));
    }
}
