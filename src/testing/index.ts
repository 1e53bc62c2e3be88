/**
 * What tests of programs on the network need, each module as a namespace: a network in memory, a proxy that spoils real
 * connections, and scenarios that are played at random and again.
 *
 * @since 0.1.0
 */
export * as Fault from "./Fault.ts"
export * as FaultControls from "../layers/FaultControls.ts"
export * as FaultProxy from "./FaultProxy.ts"
export * as MemoryTransport from "../layers/MemoryTransport.ts"
export * as Scenario from "./Scenario.ts"
export * as TestNetwork from "../layers/TestNetwork.ts"
