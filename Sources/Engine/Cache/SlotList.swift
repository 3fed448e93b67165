/// Doubly linked lists over numbered slots: which was used last, and which first.
struct SlotLinks {
  fileprivate static let none: Int32 = -1
  fileprivate var next: [Int32] = []
  fileprivate var previous: [Int32] = []

  /// Makes room for a slot.
  mutating func reserve(_ slot: Int) {
    while next.count <= slot {
      next.append(Self.none)
      previous.append(Self.none)
    }
  }
}

/// One of the lists over ``SlotLinks``: a slot is in one of them at most.
struct SlotList {
  private var first = SlotLinks.none
  private var last = SlotLinks.none
  /// The sum of what the slots weigh.
  private(set) var weight = 0
  private(set) var count = 0

  /// The slot that was used longest ago.
  var oldest: Int? { last == SlotLinks.none ? nil : Int(last) }

  mutating func addNewest(_ slot: Int, weight: Int, _ links: inout SlotLinks) {
    let slot32 = Int32(slot)
    links.previous[slot] = SlotLinks.none
    links.next[slot] = first
    if first == SlotLinks.none { last = slot32 } else { links.previous[Int(first)] = slot32 }
    first = slot32
    self.weight += weight
    count += 1
  }

  mutating func remove(_ slot: Int, weight: Int, _ links: inout SlotLinks) {
    let (before, after) = (links.previous[slot], links.next[slot])
    if before == SlotLinks.none { first = after } else { links.next[Int(before)] = after }
    if after == SlotLinks.none { last = before } else { links.previous[Int(after)] = before }
    self.weight -= weight
    count -= 1
  }
}
