import type {
  Client, Gap, Member, Message, PublishOptions, Receipt, Room, RoomOptions, TidegateError
} from '../client/index.ts'

/** What a room shows: its newest messages, oldest first, and what happened to it. */
export interface RoomView<Content> {
  readonly messages: ReadonlyArray<Message<Content>>
  readonly isJoined: boolean
  /** The last gap: something is missing before the message whose `gap` it is. */
  readonly gap: Gap | undefined
  readonly error: TidegateError | undefined
  readonly publish: (content: Content, options?: PublishOptions) => Promise<Receipt>
  /** False where there is no connection. */
  readonly ephemeral: (content: unknown) => boolean
}

export interface UseRoomOptions extends RoomOptions {
  /** How many messages are kept. Default 200. */
  readonly limit?: number | undefined
}

export interface MembersView { readonly count: number, readonly members: readonly Member[] }

/** A client of whichever rooms. */
export type AnyClient = Pick<Client<object>, 'on' | 'position'> & {
  room: <Content>(name: string, options?: RoomOptions) => Room<Content>
}
