import Dataflow
import Testing

struct RunningWindowTests {
  @Test func `windows begin at multiples of their length, before 1970 as well`() {
    let window = RunningWindow(microseconds: 10)
    #expect(window.start(of: 0) == 0)
    #expect(window.start(of: 19) == 10)
    #expect(window.start(of: -1) == -10)
    #expect(window.start(of: -10) == -10)
    #expect(window.start(of: .min) == .min)
  }
}
