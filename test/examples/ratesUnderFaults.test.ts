// The tests that the examples show are run as they are.
import "../../examples/ratesUnderFaults.test.ts"
