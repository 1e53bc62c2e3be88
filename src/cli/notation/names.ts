/**
 * What the numbers of the Hub API and of headers are called. Source: the Hub API.
 *
 * No value is called like a type (`taggedRows`): in text the one could be taken for the other.
 */
import * as CommandFailure from "../../domain/CommandFailure.ts"
import * as Header from "../../domain/Header.ts"
import * as HubApi from "../../domain/hub/HubApi.ts"
import type * as MessageGroup from "../../domain/MessageGroup.ts"

type TagNames = { readonly [tag: number]: string }

interface Service {
  readonly name: string
  readonly tags: TagNames
}

const common: TagNames = {
  0: "separator",
  1: "genericData",
  2: "address",
  3: "privateKey",
  4: "txId",
  5: "blockHash",
  6: "amount",
  7: "blockHeight",
  8: "offsetInBlock",
  9: "scriptHash"
}

/** What a request may ask to be told of each transaction. */
const choices: TagNames = {
  43: "withTxId",
  44: "withOffset",
  45: "withBytes",
  46: "withInputs",
  47: "withAmounts",
  48: "withScripts",
  49: "withOutputs",
  50: "withAddresses",
  51: "withScriptHashes",
  52: "onlyOutputs",
  53: "fee"
}

/** What is told of each transaction. */
const parts: TagNames = { 20: "prevTxId", 21: "prevIndex", 22: "inputScript", 23: "outputScript", 24: "outIndex" }

const subscription: TagNames = { 20: "error", 21: "count", 22: "proof", 23: "transaction" }

const services: { readonly [id: number]: Service } = {
  0: { name: "Meta", tags: { 20: "failedReason", 21: "failedServiceId", 22: "failedCommandId" } },
  1: {
    name: "BlockChain",
    tags: {
      ...parts,
      ...choices,
      39: "scriptKinds",
      40: "reuseFilter",
      41: "setFilter",
      42: "addFilter",
      60: "verbose",
      61: "size",
      62: "version",
      63: "time",
      64: "difficulty",
      65: "medianTime",
      66: "chainWork",
      67: "chain",
      68: "blocks",
      69: "headers",
      70: "bestBlock",
      71: "progress",
      72: "confirmations",
      73: "merkleRoot",
      74: "nonce",
      75: "bits",
      76: "previous",
      77: "next"
    }
  },
  2: {
    name: "LiveTransactions",
    tags: {
      ...parts,
      ...choices,
      21: "index",
      25: "transaction",
      26: "isUnspent",
      27: "proofId",
      28: "firstSeen",
      29: "matchingOutput",
      30: "validateOnly",
      60: "mempoolSize",
      61: "mempoolBytes",
      62: "mempoolUsage",
      63: "maxMempool",
      64: "mempoolMinFee"
    }
  },
  3: { name: "Util", tags: { 20: "script", 21: "isValid" } },
  4: { name: "RegTest", tags: { 6: "blocks" } },
  5: { name: "Mining", tags: {} },
  16: { name: "HubControl", tags: {} },
  17: { name: "AddressMonitor", tags: subscription },
  18: { name: "BlockNotification", tags: {} },
  19: {
    name: "Indexer",
    tags: { 20: "outIndex", 21: "addresses", 22: "transactions", 23: "spentOutputs" }
  },
  20: { name: "TransactionMonitor", tags: subscription },
  21: { name: "DoubleSpendNotification", tags: subscription }
}

/**
 * What a value of a service's messages is called.
 *
 * @internal
 */
export const ofTag = (serviceId: number | undefined, tag: number): string | undefined =>
  serviceId === undefined ? undefined : services[serviceId]?.tags[tag] ?? (services[serviceId] && common[tag])

/**
 * What a header value is called.
 *
 * @internal
 */
export const ofHeaderTag = (tag: number): string | undefined =>
  tag === Header.requestId ? "requestId" : tag === Header.asyncRequest ? "asyncRequest" : undefined

/**
 * What a message is called and what it is there for.
 *
 * @internal
 */
export interface MessageName {
  /** With the service: `BlockChain.getBlock`. */
  readonly name: string
  readonly role: "request" | "reply" | "command" | "notification"
}

const key = (serviceId: number, messageId: number): string => `${serviceId}/${messageId}`

const named = (member: { readonly name: string; readonly serviceId: number }, role: MessageName["role"]) => ({
  name: `${services[member.serviceId]?.name ?? member.serviceId}.${member.name}`,
  role
})

type AnyCall = MessageGroup.Call<string, never, never, never>

const isCall = (member: MessageGroup.Member): member is AnyCall => member.kind === "call"

const requests = new Map<string, MessageName>()
const replies = new Map<string, MessageName>()

for (const member of HubApi.group.members) {
  requests.set(
    key(member.serviceId, member.messageId),
    named(member, member.kind === "call" ? "request" : member.kind)
  )
  if (isCall(member)) replies.set(key(member.serviceId, member.replyId), named(member, "reply"))
}
replies.set(
  key(CommandFailure.address.serviceId, CommandFailure.address.messageId),
  named({ name: "commandFailed", serviceId: CommandFailure.address.serviceId }, "reply")
)

/**
 * What a message is called, if it is one of the Hub API. Where a reply and a notification have the same numbers, the one
 * with a RequestId is the reply.
 *
 * @internal
 */
export const ofMessage = (
  serviceId: number,
  messageId: number,
  header: Header.Header
): MessageName | undefined => {
  const id = key(serviceId, messageId)
  const [first, second] = Header.get(header, Header.requestId) === undefined ? [requests, replies] : [replies, requests]
  return first.get(id) ?? second.get(id)
}
