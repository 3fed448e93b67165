/// The state of all keys in one window: sum and count of each value column.
///
/// Open addressing with linear probing over dense group numbers; keys lie one after the other in one
/// array. About 60 to 110 bytes a key of 12 bytes.
struct RunningTable: Sendable {
  let window: Int64
  private let valueCount: Int
  private let seed: UInt64
  /// The upper half of a key's hash, and its group plus one; 0 is free. A power of two many.
  private var slots: [UInt64]
  private var keyBytes: [UInt8] = []
  private var keyEnds: [Int] = []
  /// Per group, one per value column.
  private var sums: [Double] = []
  private var counts: [Int64] = []
  /// The batch that touched the group last.
  private var stamps: [UInt32] = []
  /// The batch that touched the table last.
  var lastBatch: UInt64 = 0
  /// Batches that may still be undone.
  var pinCount = 0

  init(window: Int64, valueCount: Int, seed: UInt64) {
    self.window = window
    self.valueCount = valueCount
    self.seed = seed
    slots = Array(repeating: 0, count: 8)
  }

  var keyCount: Int { keyEnds.count }

  /// Bytes of memory, unused capacity included.
  var byteCount: Int {
    slots.capacity * 8 + keyBytes.capacity + keyEnds.capacity * 8 + sums.capacity * 8
      + counts.capacity * 8 + stamps.capacity * 4 + 200
  }

  /// Adds rows in their order.
  ///
  /// - Parameters:
  ///   - columns: Gets what the aggregates are after each row; `nil` if nobody wants to know.
  ///   - batch: Counts batches, so that what was before the first row of each is kept in `undo`.
  mutating func add(
    _ rows: Range<Int>, of batch: RunningRows, number: UInt32, _ columns: inout RunningColumns?,
    _ undo: inout RunningUndo.Entry
  ) {
    let keys = batch.keys
    for row in rows {
      let range = (row == 0 ? 0 : keys.ends[row - 1])..<keys.ends[row]
      let group = group(of: keys.bytes, range)
      if stamps[group] != number {
        stamps[group] = number
        undo.groups.append(UInt32(group))
        for value in 0..<valueCount {
          undo.sums.append(sums[group * valueCount + value])
          undo.counts.append(counts[group * valueCount + value])
        }
      }
      for value in 0..<valueCount {
        let index = group * valueCount + value
        if batch.valid[value]?[row] ?? true {
          sums[index] += batch.values[value][row]
          counts[index] += 1
        }
        columns?.sums[value][row] = sums[index]
        columns?.counts[value][row] = counts[index]
      }
    }
  }

  /// Takes back what a batch has added. Batches are undone in the reverse of their order.
  mutating func undo(_ entry: RunningUndo.Entry) {
    for (position, group) in entry.groups.enumerated() {
      for value in 0..<valueCount {
        sums[Int(group) * valueCount + value] = entry.sums[position * valueCount + value]
        counts[Int(group) * valueCount + value] = entry.counts[position * valueCount + value]
      }
      // The next batch may have the number of this one.
      stamps[Int(group)] = 0
    }
  }

  /// No batch of before can be undone any more.
  mutating func forgetBatches() {
    for group in stamps.indices { stamps[group] = 0 }
  }

  // MARK: Groups

  private mutating func group(of bytes: [UInt8], _ range: Range<Int>) -> Int {
    if (keyEnds.count + 1) * 16 > slots.count * 11 { grow() }
    let hash = Self.hash(bytes, range, seed)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    let tag = hash & 0xFFFF_FFFF_0000_0000
    while slots[slot] != 0 {
      let entry = slots[slot]
      if entry & 0xFFFF_FFFF_0000_0000 == tag {
        let group = Int(entry & 0xFFFF_FFFF) - 1
        if isKey(group, bytes, range) { return group }
      }
      slot = (slot + 1) & mask
    }
    let group = keyEnds.count
    slots[slot] = tag | UInt64(group + 1)
    keyBytes.append(contentsOf: bytes[range])
    keyEnds.append(keyBytes.count)
    stamps.append(0)
    for _ in 0..<valueCount {
      sums.append(0)
      counts.append(0)
    }
    return group
  }

  private func keyRange(_ group: Int) -> Range<Int> {
    (group == 0 ? 0 : keyEnds[group - 1])..<keyEnds[group]
  }

  private func isKey(_ group: Int, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    let known = keyRange(group)
    guard known.count == range.count else { return false }
    return unsafe keyBytes.withUnsafeBytes { left in
      unsafe bytes.withUnsafeBytes { right in
        unsafe Self.equal(left, known.lowerBound, right, range.lowerBound, range.count)
      }
    }
  }

  /// Whether as many bytes are the same in both.
  private static func equal(
    _ left: UnsafeRawBufferPointer, _ leftStart: Int, _ right: UnsafeRawBufferPointer,
    _ rightStart: Int, _ count: Int
  ) -> Bool {
    var position = 0
    while position + 8 <= count {
      let one = unsafe left.loadUnaligned(fromByteOffset: leftStart + position, as: UInt64.self)
      let two = unsafe right.loadUnaligned(fromByteOffset: rightStart + position, as: UInt64.self)
      if one != two { return false }
      position += 8
    }
    while position < count {
      if unsafe left[leftStart + position] != right[rightStart + position] { return false }
      position += 1
    }
    return true
  }

  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count * 2)
    let mask = larger.count - 1
    for group in keyEnds.indices {
      let hash = Self.hash(keyBytes, keyRange(group), seed)
      var slot = Int(truncatingIfNeeded: hash) & mask
      while larger[slot] != 0 { slot = (slot + 1) & mask }
      larger[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(group + 1)
    }
    slots = larger
  }

  /// Multiplies and folds eight bytes at a time, as wyhash does. The seed keeps who chooses keys from
  /// choosing those that collide; no result depends on it.
  private static func hash(_ bytes: [UInt8], _ range: Range<Int>, _ seed: UInt64) -> UInt64 {
    unsafe bytes.withUnsafeBytes { buffer in
      var hash = seed ^ UInt64(range.count)
      var (position, left) = (range.lowerBound, range.count)
      while left >= 8 {
        let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        hash = folded(hash ^ word, 0x9E37_79B9_7F4A_7C15)
        (position, left) = (position + 8, left - 8)
      }
      var rest: UInt64 = 0
      while left > 0 {
        rest = unsafe rest << 8 | UInt64(buffer[position])
        (position, left) = (position + 1, left - 1)
      }
      return folded(hash ^ rest, 0xE703_7ED1_A0B4_28DB)
    }
  }

  private static func folded(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
