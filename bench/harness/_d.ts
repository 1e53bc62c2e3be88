import * as I from "./installation.ts"
for (const l of ["flowee","net","ws","zeromq","nats","grpc","effect-rpc"] as const) { const t=performance.now(); console.log(l, I.problemOf(l), performance.now()-t) }
