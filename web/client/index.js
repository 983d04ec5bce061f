// Everything a page needs of the client, in one place.

export { MrClient } from './client.js';
export { Connection, browserEnvironment, kSubprotocol, socketUrl } from './connection.js';
export { compareIds, kNoId, newMessageId, parseId } from './ids.js';
export { activeTurn, initialState, isPending, isTerminal, pendingTurns, reduce, turnList } from './protocol.js';
