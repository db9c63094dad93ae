/**
 * Tidegate as a library: a gateway in a Fastify app of your own (`tidegate`), one that stands alone (`createGateway`),
 * and a publisher for any other process (`createPublisher`). docs/embedding.md tells how.
 */
export { ConfigError } from './config-error.ts'
export { type Config, loadConfig } from './config.ts'
export { TidegateError } from './embed/error.ts'
export type { Member, Message, Tidegate } from './embed/handle.ts'
export type { SettingsOptions, SharedOptions, TidegateOptions } from './embed/options.ts'
export type { MessageOptions, Moved, Published, Publishing, PublishOptions } from './embed/outbox.ts'
export { tidegate } from './embed/plugin.ts'
export { createPublisher, type Publisher, type PublisherOptions } from './embed/publisher.ts'
export { createGateway } from './gateway.ts'
export type { Reason } from './protocol/codes.ts'
export type { Gateway } from './replica.ts'
export type { WrittenRule as RoomRule, WrittenRules as RoomRules } from './room-rules.ts'
export type {
  Action, AuthRequest, Awaitable, ConnectionEvent, HookContext, Hooks, IncomingMessage, RoomEvent, User, Verdict
} from './session/hooks.ts'
