export { type Config, ConfigError, loadConfig } from './config.ts'
export { createGateway, type Gateway } from './gateway.ts'
