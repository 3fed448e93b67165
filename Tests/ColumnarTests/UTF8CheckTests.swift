@testable import Columnar
import Testing

@Suite struct UTF8CheckTests {
  private func isValid(_ bytes: [UInt8]) -> Bool {
    unsafe bytes.withUnsafeBytes { unsafe UTF8Check.isValid($0) }
  }

  @Test func `it agrees with the standard library on random bytes`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let alphabet: [UInt8] = [
      0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
      0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
    ]
    for _ in 0..<20_000 {
      let prefix = Array(repeating: UInt8(0x61), count: .random(in: 0...70, using: &random))
      let tail = (0..<Int.random(in: 0...5, using: &random)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      let bytes = prefix + tail
      #expect(isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil))
    }
  }

  @Test func `text of several languages is valid`() {
    #expect(isValid(Array("Grüße, 日本語, مرحبا, 🙂🙃 and a long tail of plain text".utf8)))
  }
}
