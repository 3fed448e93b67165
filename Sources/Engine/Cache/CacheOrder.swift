/// Which entry of a cache goes first when it is full.
public enum CachePolicy: String, Hashable, Sendable, CaseIterable {
  /// The one that was made first.
  case ttl
  /// The one that was used longest ago.
  case lru
  /// The one that is used least: W-TinyLFU.
  case lfu
}

/// The order in which the entries of a cache go. Knows slots, weights and uses; not what is in them.
///
/// With `.lfu` a new entry comes into a small *window*; what falls out of it competes, by how often it was asked for, with the
/// oldest of the *main* part, where what was used again is *protected* from those that were not. See "TinyLFU" (2017)
/// and the design of Caffeine's cache, from which the shares are.
package struct CacheOrder {
  private enum Part: UInt8 { case none, window, probation, protected }

  private struct Slot {
    var part = Part.none
    var hash: UInt64 = 0
    var weight = 0
  }

  let policy: CachePolicy
  private var maxWeight: Int
  private let maxCount: Int
  private var sketch = FrequencySketch()
  private var links = SlotLinks()
  private var slots: [Slot] = []
  private var window = SlotList()
  private var probation = SlotList()
  private var protected = SlotList()

  /// - Parameters:
  ///   - maxWeight: What all entries may weigh together.
  ///   - maxCount: How many there may be; 0 for any number.
  package init(_ policy: CachePolicy, maxWeight: Int, maxCount: Int = 0) {
    self.policy = policy
    self.maxWeight = max(maxWeight, 1)
    self.maxCount = maxCount > 0 ? maxCount : .max
  }

  package var weight: Int { window.weight + probation.weight + protected.weight }
  package var count: Int { window.count + probation.count + protected.count }

  /// Somebody asked for the thing with this hash, whether it is there or not.
  package mutating func noteRequest(_ hash: UInt64) {
    guard policy == .lfu else { return }
    sketch.add(hash)
  }

  /// An entry was used.
  package mutating func noteUse(of slot: Int) {
    switch policy {
    case .ttl: return
    case .lru: move(slot, to: .window)
    case .lfu:
      switch slots[slot].part {
      case .none: return
      case .window: move(slot, to: .window)
      case .probation, .protected:
        move(slot, to: .protected)
        while protected.weight > mainWeight / 5 * 4, protected.count > 1,
          let oldest = protected.oldest
        {
          move(oldest, to: .probation)
        }
      }
    }
  }

  /// An entry is added.
  ///
  /// - Returns: The slots that go for it; its own may be among them.
  package mutating func add(_ slot: Int, hash: UInt64, weight: Int) -> [Int] {
    while slots.count <= slot { slots.append(Slot()) }
    links.reserve(slot)
    slots[slot] = Slot(part: .none, hash: hash, weight: max(weight, 1))
    move(slot, to: .window)
    sketch.reserve(policy == .lfu ? count : 0)
    return policy == .lfu ? admit() : dropOldest()
  }

  /// Something else takes or leaves room.
  ///
  /// - Returns: The slots that go for it.
  package mutating func setMaxWeight(_ weight: Int) -> [Int] {
    maxWeight = max(weight, 1)
    return policy == .lfu ? admit() : dropOldest()
  }

  /// An entry has gone for another reason.
  package mutating func remove(_ slot: Int) { move(slot, to: .none) }

  private var isTooFull: Bool { weight > maxWeight || count > maxCount }
  private var mainWeight: Int { maxWeight - windowWeight }
  private var windowWeight: Int { max(maxWeight / 100, 1) }
  private var windowCount: Int { maxCount == .max ? .max : max(maxCount / 100, 1) }

  private mutating func dropOldest() -> [Int] {
    var gone: [Int] = []
    while isTooFull, let oldest = window.oldest {
      move(oldest, to: .none)
      gone.append(oldest)
    }
    return gone
  }

  /// Lets what falls out of the window compete with the oldest of the main part.
  private mutating func admit() -> [Int] {
    var gone: [Int] = []
    while window.weight > windowWeight || window.count > windowCount {
      guard let candidate = window.oldest else { break }
      move(candidate, to: .probation)
      while isTooFull {
        let victim = oldestOfMain(but: candidate)
        guard let victim, isWantedMore(candidate, than: victim) else {
          move(candidate, to: .none)
          gone.append(candidate)
          break
        }
        move(victim, to: .none)
        gone.append(victim)
      }
    }
    return gone + dropOldestOfAll()
  }

  private mutating func dropOldestOfAll() -> [Int] {
    var gone: [Int] = []
    while isTooFull, let oldest = probation.oldest ?? protected.oldest ?? window.oldest {
      move(oldest, to: .none)
      gone.append(oldest)
    }
    return gone
  }

  private func oldestOfMain(but candidate: Int) -> Int? {
    if let oldest = probation.oldest, oldest != candidate { return oldest }
    return protected.oldest
  }

  private func isWantedMore(_ candidate: Int, than victim: Int) -> Bool {
    sketch.count(slots[candidate].hash) > sketch.count(slots[victim].hash)
  }

  private mutating func move(_ slot: Int, to part: Part) {
    let weight = slots[slot].weight
    switch slots[slot].part {
    case .none: break
    case .window: window.remove(slot, weight: weight, &links)
    case .probation: probation.remove(slot, weight: weight, &links)
    case .protected: protected.remove(slot, weight: weight, &links)
    }
    slots[slot].part = part
    switch part {
    case .none: break
    case .window: window.addNewest(slot, weight: weight, &links)
    case .probation: probation.addNewest(slot, weight: weight, &links)
    case .protected: protected.addNewest(slot, weight: weight, &links)
    }
  }
}
