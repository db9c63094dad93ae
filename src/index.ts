export { type Config, loadConfig } from './config.ts'
export { ConfigError } from './config-error.ts'
export { createGateway } from './gateway.ts'
export type { Gateway } from './replica.ts'
