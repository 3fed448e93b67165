import Settings
import Testing

struct OptionTextTests {
  @Test(arguments: [
    ("512MiB", 512 << 20), ("4GB", 4_000_000_000), ("1.5 GiB", 3 << 29), ("0", 0), ("1_000", 1_000),
    ("12b", 12), ("2TiB", 2 << 40),
  ])
  func `a size is read with its unit`(text: String, bytes: Int) {
    #expect(OptionText.byteCount(text) == bytes)
  }

  @Test(arguments: ["", "GB", "-1", "5 parsecs", "1..2", "99999999999TiB", "0x10", "٣"])
  func `what is not a size is refused`(text: String) {
    #expect(OptionText.byteCount(text) == nil)
  }

  @Test(arguments: [
    ("500ms", Duration.milliseconds(500)), ("1.5s", .milliseconds(1_500)), ("30", .seconds(30)),
    ("5m", .seconds(300)), ("2h", .seconds(7_200)), ("1d", .seconds(86_400)), ("0", .zero),
    ("10 us", .microseconds(10)), ("7ns", .nanoseconds(7)),
  ])
  func `a length of time is read with its unit`(text: String, duration: Duration) {
    #expect(OptionText.duration(text) == duration)
    #expect(OptionText.duration(OptionText.text(duration: duration)) == duration)
  }

  @Test(arguments: ["", "soon", "-1s", "1 fortnight", "1e99"])
  func `what is not a length of time is refused`(text: String) {
    #expect(OptionText.duration(text) == nil)
  }
}
