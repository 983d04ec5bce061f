// A peer: Socket.IO with its Redis adapter; events come from another process in the form of its
// Redis emitter. WebSocket alone, so that no sticky sessions are needed. One process: each further
// one would have to decode every event as well.
//
//     MR_PEER_REDIS=/path/redis.sock MR_PEER_SOCKET=/path/socketio.sock node socketio.mjs
import http from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { serve } from "./cluster.mjs";

function makeServer() {
    const publisher = new Redis({ path: process.env.MR_PEER_REDIS });
    const subscriber = publisher.duplicate();
    const server = http.createServer();
    const io = new Server(server, {
        adapter: createAdapter(publisher, subscriber),
        transports: ["websocket"],
        perMessageDeflate: false,
        serveClient: false,
    });
    io.on("connection", (socket) => {
        socket.on("start", async (start) => {
            await socket.join(start.session);
            await publisher.publish("peer:start", JSON.stringify(start));
        });
    });
    return server;
}

serve(process.env.MR_PEER_SOCKET, makeServer);
