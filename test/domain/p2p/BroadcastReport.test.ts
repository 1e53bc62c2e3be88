import { assert, describe, it } from "@effect/vitest"
import * as BroadcastReport from "../../../src/domain/p2p/BroadcastReport.ts"

const { Announced, Lost, Rejected, Seen, Sent } = BroadcastReport.PeerProgress

const states: ReadonlyArray<BroadcastReport.PeerProgress | undefined> = [
  undefined,
  Announced({ since: 1000 }),
  Sent({ since: 1000 }),
  Rejected({ since: 1000, code: 16, reason: "bad" }),
  Seen({ since: 1000 }),
  Lost({ since: 1000 })
]

const report = (...peers: ReadonlyArray<BroadcastReport.PeerProgress>): BroadcastReport.BroadcastReport => ({
  txid: new Uint8Array(32),
  since: 0,
  peers: peers.map((progress, peer) => ({ peer, endPoint: `${peer}`, progress }))
})

const rule = { minimum: 2, settleTime: 2000 }

describe("the progress with a peer", () => {
  const table = {
    Announced: "Announced Announced Sent Rejected Seen Lost",
    Sent: "undefined Sent Sent Rejected Seen Lost",
    Rejected: "undefined Rejected Rejected Rejected Seen Lost",
    Seen: "Seen Seen Seen Seen Seen Lost",
    Lost: "undefined Lost Lost Rejected Seen Lost"
  }
  for (
    const next of [
      Announced({ since: 1500 }),
      Sent({ since: 1500 }),
      Rejected({ since: 1500, code: 64, reason: "dust" }),
      Seen({ since: 1500 }),
      Lost({ since: 1500 })
    ]
  ) {
    it(`goes on with ${next._tag}`, () => {
      const after = states.map((before) => BroadcastReport.advance(before, next, 2000))
      assert.strictEqual(after.map((state) => state?._tag ?? "undefined").join(" "), table[next._tag])
      // What changes nothing does not begin anew.
      for (const [at, state] of after.entries()) {
        const before = states[at]
        if (before?._tag === state?._tag) assert.strictEqual(state, before)
      }
    })
  }

  it("is not lost when the peer had time to reject it", () => {
    const sent = Sent({ since: 1000 })
    assert.strictEqual(BroadcastReport.advance(sent, Lost({ since: 3000 }), 2000), sent)
    assert.strictEqual(BroadcastReport.advance(sent, Lost({ since: 2999 }), 2000)?._tag, "Lost")
  })
})

describe("the verdict", () => {
  it("is that it was taken, when enough have seen it or were sent it long enough ago", () => {
    const both = report(Sent({ since: 1000 }), Seen({ since: 1000 }))
    assert.isUndefined(BroadcastReport.verdict(both, rule, 2999))
    assert.strictEqual(BroadcastReport.settlesAt(both, rule, 2999), 3000)
    assert.strictEqual(BroadcastReport.verdict(both, rule, 3000), "Taken")
    assert.isUndefined(BroadcastReport.settlesAt(both, rule, 3000))
    assert.isUndefined(BroadcastReport.verdict(report(Announced({ since: 0 }), Lost({ since: 0 })), rule, 9999))
  })

  it("is that it was rejected, when more than half of those reached say so", () => {
    const no = Rejected({ since: 0, code: 16, reason: "bad" })
    const open = Announced({ since: 0 })
    assert.strictEqual(BroadcastReport.verdict(report(no), rule, 0), "Rejected")
    assert.isUndefined(BroadcastReport.verdict(report(no, open), rule, 0))
    assert.strictEqual(BroadcastReport.verdict(report(no, open, no), rule, 0), "Rejected")
    assert.strictEqual(BroadcastReport.verdict(report(no, Lost({ since: 0 })), rule, 0), "Rejected")
    const seen = Seen({ since: 0 })
    assert.strictEqual(BroadcastReport.verdict(report(no, no, no, seen, seen), rule, 0), "Taken")
    assert.isUndefined(BroadcastReport.verdict(report(), rule, 0))
  })
})
