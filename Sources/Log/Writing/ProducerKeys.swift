/// The keys that a topic remembers, so that a retry is stored once.
///
/// Sequences need not come in order: what was stored is kept as ranges. The offsets of the last ones
/// are kept too, so that a retry is told where its rows are.
struct ProducerKeys: Sendable {
  struct Producer: Sendable {
    /// Disjoint, ascending, never touching each other.
    var ranges: [ClosedRange<Int64>] = []
    /// Where the rows of the newest sequences went.
    var places: [Int64: Range<Offset>] = [:]
    var order: [Int64] = []
    var lastUseMicroseconds: Int64 = 0
  }

  /// How many places of a producer are known; a retry comes soon.
  private static let maxPlaceCount = 256

  private(set) var producers: [String: Producer] = [:]

  /// The offsets under which a key was stored; empty if it was so long ago that they are forgotten; nil
  /// if it never was.
  func place(of key: ProducerKey) -> Range<Offset>? {
    guard let producer = producers[key.producer], producer.contains(key.sequence) else {
      return nil
    }
    return producer.places[key.sequence] ?? Offset.zero..<Offset.zero
  }

  mutating func remember(_ key: ProducerKey, at offsets: Range<Offset>, microseconds: Int64) {
    producers[key.producer, default: Producer()]
      .insert(key.sequence, offsets, maxPlaceCount: Self.maxPlaceCount, microseconds)
  }

  /// Puts back a producer of a snapshot.
  mutating func restore(
    _ name: String, ranges: [ClosedRange<Int64>], lastUseMicroseconds: Int64
  ) {
    var producer = Producer()
    producer.ranges = ranges
    producer.lastUseMicroseconds = lastUseMicroseconds
    producers[name] = producer
  }

  /// Forgets producers that were not heard of since.
  mutating func forget(before microseconds: Int64) {
    guard !producers.isEmpty else { return }
    producers = producers.filter { $0.value.lastUseMicroseconds >= microseconds }
  }
}

extension ProducerKeys.Producer {
  func contains(_ sequence: Int64) -> Bool {
    let index = firstIndex(endingAtOrAfter: sequence)
    return index < ranges.count && ranges[index].contains(sequence)
  }

  private func firstIndex(endingAtOrAfter sequence: Int64) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = low + (high - low) / 2
      if ranges[middle].upperBound < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }

  mutating func insert(
    _ sequence: Int64, _ offsets: Range<Offset>, maxPlaceCount: Int, _ microseconds: Int64
  ) {
    lastUseMicroseconds = max(lastUseMicroseconds, microseconds)
    guard !contains(sequence) else { return }
    var index = firstIndex(endingAtOrAfter: sequence)
    var (low, high) = (sequence, sequence)
    if index < ranges.count, sequence < .max, ranges[index].lowerBound == sequence + 1 {
      high = ranges[index].upperBound
      ranges.remove(at: index)
    }
    if index > 0, sequence > .min, ranges[index - 1].upperBound == sequence - 1 {
      low = ranges[index - 1].lowerBound
      ranges.remove(at: index - 1)
      index -= 1
    }
    ranges.insert(low...high, at: index)
    places[sequence] = offsets
    order.append(sequence)
    if order.count > 2 * maxPlaceCount {
      for old in order.prefix(maxPlaceCount) { places[old] = nil }
      order.removeFirst(maxPlaceCount)
    }
  }
}
