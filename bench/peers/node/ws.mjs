// A peer: `ws` on Node, events from another process by Redis Pub/Sub (ioredis). One Redis
// connection per process for all its channels.
//
//     MR_PEER_REDIS=/path/redis.sock MR_PEER_SOCKET=/path/ws.sock node ws.mjs
import http from "node:http";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { serve } from "./cluster.mjs";

const kMaxQueuedBytes = 16 << 20; // of a client that does not read: it is cut off

function makeServer() {
    const commands = new Redis({ path: process.env.MR_PEER_REDIS, enableAutoPipelining: true });
    const events = new Redis({ path: process.env.MR_PEER_REDIS });
    const sockets = new Map();
    events.on("message", (channel, message) => {
        const socket = sockets.get(channel);
        if (socket && socket.bufferedAmount > kMaxQueuedBytes) {
            socket.terminate();
        } else {
            socket?.send(message);
        }
    });
    const server = http.createServer();
    const wss = new WebSocketServer({ server, perMessageDeflate: false, skipUTF8Validation: true });
    wss.on("connection", (socket) => {
        let channel;
        socket.on("error", () => {});
        socket.on("message", async (data) => {
            const start = data.toString();
            if (!channel) {
                channel = `peer:${JSON.parse(start).session}`;
                sockets.set(channel, socket);
                await events.subscribe(channel);
            }
            await commands.publish("peer:start", start);
        });
        socket.on("close", () => {
            if (channel) {
                sockets.delete(channel);
                events.unsubscribe(channel);
            }
        });
    });
    return server;
}

serve(process.env.MR_PEER_SOCKET, makeServer);
