/**
 * Frames as JSON, one object a line.
 *
 *     {"envelope":"native","service":1,"message":5,"name":"BlockChain.getBlock","role":"reply","header":{"11":7},
 *      "values":[[7,"int","2","blockHeight"]]}
 *     {"envelope":"native","system":"ping"}
 *     {"envelope":"legacy","network":"regtest","command":"ping","body":"93516d4720b98fbc","content":{"nonce":"1359"}}
 *     {"values":[[1,"int","5"]]}
 *
 * `values` are rows as in `taggedRows`, each with its name where that is known; a body that is no tagged values is in
 * `body`, as digits. `name`, `role` and `content` are not read. Rows alone are a body without an envelope.
 */
import * as Result from "effect/Result"
import * as Header from "../../domain/Header.ts"
import * as Network from "../../domain/Network.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as Content from "./content.ts"
import * as Frame from "./frame.ts"
import * as Hex from "./hex.ts"
import * as Json from "./json.ts"
import * as Names from "./names.ts"
import * as TaggedRows from "./taggedRows.ts"

const formatBody = (body: Uint8Array, serviceId: number | undefined): object => {
  const rows = TaggedRows.read(body)
  if (Result.isFailure(rows)) return { body: Hex.format(body) }
  return {
    values: rows.success.map((row) => {
      const name = Names.ofTag(serviceId, row[0])
      return name === undefined ? row : [...row, name]
    })
  }
}

const contentOf = (command: string, body: Uint8Array): object => {
  if (!P2PMessage.isCommand(command)) return {}
  return Result.match(P2PMessage.decode(command, body), {
    onSuccess: (message) => ({ content: Content.toPlain(message) }),
    onFailure: (error) => ({ problem: error.message })
  })
}

const toObject = (frame: Frame.Frame): object => {
  switch (frame._tag) {
    case "Native": {
      const { body, header, messageId, serviceId } = frame
      return {
        envelope: "native",
        service: serviceId,
        message: messageId,
        ...Names.ofMessage(serviceId, messageId, header),
        header: Object.fromEntries(Header.entries(header)),
        ...formatBody(body, serviceId)
      }
    }
    case "System":
      return { envelope: "native", system: frame.what }
    case "Legacy": {
      const { body, command, network } = frame
      return {
        envelope: "legacy",
        network: network.name,
        command,
        body: Hex.format(body),
        ...contentOf(command, body)
      }
    }
    case "Body":
      return formatBody(frame.body, undefined)
  }
}

/**
 * A frame as a line of JSON.
 *
 * @internal
 */
export const format = (frame: Frame.Frame): string => Json.format(toObject(frame))

type Fields = { readonly [key: string]: unknown }

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const readBody = ({ body, values }: Fields): Result.Result<Uint8Array, string> => {
  if (body === undefined) return TaggedRows.write(values ?? [])
  const bytes = typeof body === "string" ? Hex.parse(body) : undefined
  return bytes === undefined ? Result.fail("\"body\" is not hexadecimal digits") : Result.succeed(bytes)
}

const readHeader = (header: unknown): Result.Result<Header.Header, string> => {
  if (!isFields(header)) return Result.fail("\"header\" is no object")
  const entries = Object.entries(header)
  return entries.every(([tag, value]) => /^(?:0|[1-9]\d{0,9})$/.test(tag) && typeof value === "number")
    ? Result.succeed(Header.make(Object.fromEntries(entries) as { [tag: number]: number }))
    : Result.fail("\"header\" is not numbers by tag")
}

const readNative = (fields: Fields, body: Uint8Array): Result.Result<Frame.Frame, string> => {
  const { header = {}, message = -1, service, system } = fields
  if (system === "ping" || system === "pong") return Result.succeed({ _tag: "System", what: system })
  if (typeof service !== "number" || typeof message !== "number") {
    return Result.fail("\"service\" and \"message\" are not numbers")
  }
  return Result.map(
    readHeader(header),
    (header) => ({ _tag: "Native", serviceId: service, messageId: message, header, body })
  )
}

const readLegacy = ({ command, network }: Fields, body: Uint8Array): Result.Result<Frame.Frame, string> => {
  const known = typeof network === "string" ? Network.fromName(network) : undefined
  if (known === undefined) return Result.fail(`"network" is none of ${Object.keys(Network.networks).join(", ")}`)
  return Frame.isCommand(command)
    ? Result.succeed({ _tag: "Legacy", network: known, command, body })
    : Result.fail(`"command": ${Frame.commandForm}`)
}

/**
 * The frame of a line of JSON, or what is wrong with it.
 *
 * @internal
 */
export const parse = (line: string): Result.Result<Frame.Frame, string> =>
  Result.flatMap(Json.parse(line), (value): Result.Result<Frame.Frame, string> => {
    if (Array.isArray(value)) return Result.map(TaggedRows.write(value), (body) => ({ _tag: "Body", body }))
    if (!isFields(value)) return Result.fail("the line is no JSON object")
    return Result.flatMap(readBody(value), (body): Result.Result<Frame.Frame, string> => {
      switch (value["envelope"]) {
        case "native":
          return readNative(value, body)
        case "legacy":
          return readLegacy(value, body)
        case undefined:
          return Result.succeed({ _tag: "Body", body })
        default:
          return Result.fail("\"envelope\" is neither \"native\" nor \"legacy\"")
      }
    })
  })
