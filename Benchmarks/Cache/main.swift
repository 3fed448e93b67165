// Plays a trace of numbers against the order of a cache and prints the share of hits.
//
// usage: cache-trace lru|lfu SIZE TRACE     TRACE: a file of 32-bit numbers, the lowest byte first

import Engine
import Foundation

let arguments = CommandLine.arguments
guard arguments.count == 4, let policy = CachePolicy(rawValue: arguments[1]),
  let size = Int(arguments[2]), size > 0,
  let data = FileManager.default.contents(atPath: arguments[3])
else {
  FileHandle.standardError.write(Data("usage: cache-trace lru|lfu SIZE TRACE\n".utf8))
  exit(2)
}
let requests = data.withUnsafeBytes { bytes in
  (0..<(bytes.count / 4)).map {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
  }
}
var order = CacheOrder(policy, maxWeight: size)
var slots: [UInt32: Int] = [:]
var keys: [UInt32] = []
var free: [Int] = []
var hits = 0
let start = ContinuousClock.now
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
}
let seconds = (ContinuousClock.now - start) / .seconds(1)
print("{\"hits\": \(Double(hits) / Double(max(requests.count, 1))), \"seconds\": \(seconds)}")
