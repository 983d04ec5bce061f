// A peer: Socket.IO with one of its Redis adapters; events come from another process, in the form of
// the adapter's emitter. WebSocket alone, so that no sticky sessions are needed. One process: each
// further one would have to decode every event as well. `streams`: the Redis Streams adapter, with
// connection state recovery, instead of the one with Pub/Sub.
//
//     MR_PEER_REDIS=/path/redis.sock MR_PEER_SOCKET=/path/socketio.sock node socketio.mjs [streams]
import http from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { serve } from "./cluster.mjs";

const kRecovery = { maxDisconnectionDuration: 120_000, skipMiddlewares: true };
const kMaxLength = 250_000; // as the publisher has it

function adapterOptions(redis) {
    return process.argv[2] === "streams"
        ? {
              adapter: createStreamsAdapter(redis, { maxLen: kMaxLength }),
              connectionStateRecovery: kRecovery,
          }
        : { adapter: createAdapter(redis, redis.duplicate()) };
}

function makeServer() {
    const redis = new Redis({ path: process.env.MR_PEER_REDIS });
    const server = http.createServer();
    const io = new Server(server, {
        ...adapterOptions(redis),
        transports: ["websocket"],
        perMessageDeflate: false,
        serveClient: false,
    });
    io.on("connection", (socket) => {
        socket.on("start", async (start) => {
            await socket.join(start.session);
            await redis.publish("peer:start", JSON.stringify(start));
        });
    });
    return server;
}

serve(process.env.MR_PEER_SOCKET, makeServer);
