export { type Client, connect } from './client.ts'
export { type ClientReason, type ErrorReason, TidegateError } from './errors.ts'
export type { Unsubscribe } from './events.ts'
export type { SharedPosition } from './position.ts'
export type { Room } from './room.ts'
export type {
  ClientEvents, ConnectOptions, ContentOf, Gap, History, Joined, Member, MemberEvent, MemberList, MembersEvent,
  Message, MoveReceipt, Position, PublishOptions, Receipt, RoomEvents, RoomMap, RoomOptions, Signal,
  SocketConstructor, SocketLike, State, StateChange, Welcome
} from './types.ts'
