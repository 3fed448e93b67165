import TestSupport
import Testing

@testable import Engine

struct CacheOrderTests {
  /// Numbers that are asked for as Zipf's law has it.
  private struct Zipf {
    private let sums: [Double]
    var random: SeededRandom

    init(count: Int, exponent: Double, seed: UInt64) {
      var sum = 0.0
      sums = (1...count).map { rank in
        var power = 1.0
        // rank^-exponent without a library: the exponents used are 0.5 and 1.
        power = exponent == 1 ? 1 / Double(rank) : 1 / Double(rank).squareRoot()
        sum += power
        return sum
      }
      random = SeededRandom(seed: seed)
    }

    mutating func next() -> Int {
      let wanted = Double.random(in: 0..<(sums.last ?? 1), using: &random)
      var (low, high) = (0, sums.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if sums[middle] < wanted { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  /// Plays requests against an order, with entries of weight 1.
  private func hitRatio(_ policy: CachePolicy, size: Int, requests: [Int]) -> Double {
    var order = CacheOrder(policy, maxWeight: size)
    var slots: [Int: Int] = [:]
    var keys: [Int] = []
    var free: [Int] = []
    var hits = 0
    for key in requests {
      let hash = UInt64(key) &* 0x9E37_79B9_7F4A_7C15
      order.noteRequest(hash)
      if let slot = slots[key] {
        hits += 1
        order.noteUse(of: slot)
        continue
      }
      let slot = free.popLast() ?? keys.count
      if slot == keys.count { keys.append(key) } else { keys[slot] = key }
      slots[key] = slot
      for gone in order.add(slot, hash: hash, weight: 1) {
        slots[keys[gone]] = nil
        free.append(gone)
      }
      #expect(order.weight <= size)
      #expect(order.count == slots.count)
    }
    return Double(hits) / Double(requests.count)
  }

  @Test func `what is used least goes first, so a trace by Zipf hits more often than with LRU`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of the trace: \(seed)")
    var zipf = Zipf(count: 5_000, exponent: 1, seed: seed)
    let requests = (0..<60_000).map { _ in zipf.next() }
    let lfu = hitRatio(.lfu, size: 250, requests: requests)
    let lru = hitRatio(.lru, size: 250, requests: requests)
    #expect(lfu > lru + 0.03)
  }

  @Test func `a scan does not wash out what is used`() {
    var requests: [Int] = []
    for round in 0..<40 {
      requests += (0..<100).flatMap { [$0, $0] }
      requests += (0..<300).map { 1_000 + round * 300 + $0 }
    }
    let lfu = hitRatio(.lfu, size: 120, requests: requests)
    let lru = hitRatio(.lru, size: 120, requests: requests)
    #expect(lfu > 0.35)
    #expect(lru < 0.25)
  }

  @Test func `one that weighs too much takes nobody's place`() {
    var order = CacheOrder(.lfu, maxWeight: 100)
    for slot in 0..<10 {
      order.noteRequest(UInt64(slot))
      order.noteRequest(UInt64(slot))
      #expect(order.add(slot, hash: UInt64(slot), weight: 9).isEmpty)
    }
    order.noteRequest(99)
    #expect(order.add(10, hash: 99, weight: 60) == [10])
    #expect(order.count == 10)
  }

  @Test func `by age the first goes first, by use the one not used`() {
    for (policy, expected) in [(CachePolicy.ttl, 0), (.lru, 1)] {
      var order = CacheOrder(policy, maxWeight: 3)
      for slot in 0..<3 { #expect(order.add(slot, hash: 0, weight: 1).isEmpty) }
      order.noteUse(of: 0)
      #expect(order.add(3, hash: 0, weight: 1) == [expected])
    }
  }

  @Test func `a number of entries is a limit too`() {
    for policy in CachePolicy.allCases {
      var order = CacheOrder(policy, maxWeight: 1_000_000, maxCount: 50)
      var gone = 0
      for slot in 0..<200 {
        gone += order.add(slot, hash: UInt64(slot), weight: 1).count
        #expect(order.count <= 50)
      }
      #expect(gone == 150)
    }
  }
}
