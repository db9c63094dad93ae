import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import { type Reason, type Refusal, refusal } from '../protocol/codes.ts'
import { REASON } from '../schemas/fields.ts'

/** What a schema has found, on its way to the error handler, which is the only one that Fastify lets answer. */
export class InvalidRequest extends Error {
  readonly refusal: Refusal

  constructor (refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

interface FieldSchema { readonly type?: string, readonly description?: string, readonly [REASON]?: Reason }
interface ObjectSchema {
  readonly properties: Readonly<Record<string, FieldSchema>>
  readonly required?: readonly string[]
}
type Fields = Readonly<Record<string, unknown>>

const ajv = new Ajv({ strict: false, validateFormats: false })

/**
 * Requests are held to their schemas without being changed: in a body a string is no number. Answers leave as they are:
 * most are prepared text, and schemas of answers are for the documents.
 */
export function registerValidation (app: FastifyInstance): void {
  app.setValidatorCompiler(compile)
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
}

export const compile: FastifySchemaCompiler<ObjectSchema> = ({ schema, httpPart }) => {
  const isValid = ajv.compile(schema)
  const fields = Object.entries(schema.properties).map(([name, field]) =>
    ({ name, field, isRequired: schema.required?.includes(name) === true, isValid: ajv.compile(field) }))
  return (given: unknown) => {
    const value = httpPart === 'querystring' ? withNumbers(given as Fields, schema) : given
    return isValid(value) ? { value } : { error: new InvalidRequest(problemOf(value, fields)) }
  }
}

/** In an address everything is text. What is no number stays text, which then is no number. */
function withNumbers (query: Fields, { properties }: ObjectSchema): Fields {
  const entries = Object.entries(query).map(([name, value]) => {
    const isNumber = Object.hasOwn(properties, name) && properties[name]!.type === 'integer'
    return [name, isNumber && typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value]
  })
  return Object.fromEntries(entries)
}

interface Field {
  readonly name: string
  readonly field: FieldSchema
  readonly isRequired: boolean
  readonly isValid: ValidateFunction
}

/** The first field that is missing or wrong, in words that name it. */
function problemOf (value: unknown, fields: readonly Field[]): Refusal {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refusal('bad_message', 'body: must be a JSON object')
  }
  for (const { name, field, isRequired, isValid } of fields) {
    const given = Object.hasOwn(value, name) ? (value as Fields)[name] : undefined
    if (given === undefined ? !isRequired : isValid(given)) continue
    if (given === undefined || (given === null && isRequired)) return refusal('bad_message', `${name}: missing`)
    const reason = field[REASON]
    return reason === undefined ? refusal('bad_message', `${name}: must be ${field.description}`) : refusal(reason)
  }
  return refusal('bad_message')
}
