/**
 * The Hub that is asked: one that is given, or one that runs in this process.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Context, Effect, FileSystem, Layer, Option } from "effect"
import { CliError } from "effect/cli"
import {
  ConnectionAuthorizer,
  CookieFile,
  EmbeddedHub,
  type EndPoint,
  NodeCookieFile,
  NodeNetwork
} from "effect-flowee"
import type * as Cli from "./cli.ts"

/** Where to connect, and how to log in there. */
export class Target extends Context.Service<Target, {
  readonly endPoint: EndPoint.Input
  readonly login: CookieFile.CookieFile["Service"] | undefined
}>()("examples/Target") {}

/** A Hub that lets in who has the cookie of a file in a temporary directory. */
const layerEmbedded = Layer.unwrap(Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-flowee-" })
  const Hub = EmbeddedHub.layer().pipe(Layer.provide(ConnectionAuthorizer.layerCookie))
  return Layer.effect(
    Target,
    Effect.gen(function*() {
      const { endPoint } = yield* EmbeddedHub.EmbeddedHub
      return { endPoint, login: yield* CookieFile.CookieFile }
    })
  ).pipe(
    Layer.provide(Hub),
    Layer.provide(NodeCookieFile.layer({ path: `${directory}/.cookie` }))
  )
})).pipe(Layer.provide(NodeFileSystem.layer))

/** A Hub that runs elsewhere. */
const layerGiven = (endPoint: EndPoint.Input, cookieFile: Option.Option<string>) =>
  Option.match(cookieFile, {
    onNone: () => Layer.succeed(Target, { endPoint, login: undefined }),
    onSome: (path) =>
      Layer.effect(Target, Effect.map(CookieFile.CookieFile, (login) => ({ endPoint, login }))).pipe(
        Layer.provide(NodeCookieFile.layer({ path }))
      )
  })

const cookieWithoutHub = (path: string) =>
  new CliError.InvalidValue({ option: "cookie-file", value: path, expected: "a --hub to log in to", kind: "flag" })

/** The Hub of the command line, and the network to reach it. */
export const layer = ({ cookieFile, hub }: Cli.Options) =>
  Layer.unwrap(Effect.gen(function*() {
    if (Option.isSome(hub)) return layerGiven(hub.value, cookieFile)
    if (Option.isSome(cookieFile)) return yield* cookieWithoutHub(cookieFile.value)
    return layerEmbedded
  })).pipe(Layer.provideMerge(NodeNetwork.layer()))
