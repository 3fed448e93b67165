import Log
import Testing

struct OffsetTests {
  @Test func `an offset counts rows`() {
    #expect(Offset.zero.advanced(by: 3) == Offset(3))
    #expect(Offset(3) < Offset(4))
  }
}
