/// Decides which rows may go, and removes the segments that nobody needs.
struct Retention {
  let directory: TopicDirectory
  let store: SegmentStore

  /// - Parameter trim: Called for each topic that begins later from now on.
  func run(now: Int64, trim: (SegmentTopic, Offset) -> Void) {
    for topic in directory.all {
      if let start = topic.nextStart(now: now) { trim(topic, start) }
      topic.withState { state in
        let memory = state.visible.settings.keyMemory.microseconds
        state.keys.forget(before: now.subtractingReportingOverflow(memory).partialValue)
      }
    }
  }

  /// Removes segments in which no topic has rows, nor a preparation.
  ///
  /// The newest sealed one stays: it tells what the log knows.
  func removeUnused(newest: UInt64, preparations: Set<UInt64>) {
    store.waitForIndex()
    guard let names = try? store.files.names() else { return }
    let numbers = names.compactMap(SegmentStore.number).sorted()
    var used = preparations
    for topic in directory.all {
      topic.withState { state in for block in state.index.blocks { used.insert(block.segment) } }
    }
    var removed = false
    let keeps = numbers.last { $0 < newest } ?? 0
    for number in numbers where number < keeps && !used.contains(number) {
      guard (try? store.files.remove(SegmentStore.name(number))) != nil else { continue }
      removed = true
      store.forget(number)
      for topic in directory.all {
        topic.withState { state in
          state.contextPlaces = state.contextPlaces.filter { $0.value.segment != number }
        }
      }
    }
    if removed { try? store.files.syncFolder() }
  }
}

extension SegmentTopic {
  /// Where the topic should begin, if that is later than now.
  fileprivate func nextStart(now: Int64) -> Offset? {
    withState { state in
      let settings = state.visible.settings
      var start = state.visible.start
      if let age = settings.retention?.microseconds {
        let oldest = now.subtractingReportingOverflow(age).partialValue
        let cold = state.cold.first { $0.ingestMicroseconds.upperBound >= oldest }
        let kept = state.index.blocks.first { $0.ingest.upperBound >= oldest }
        let first = cold?.offsets.lowerBound ?? kept?.firstOffset
        start = max(start, first ?? state.visible.head)
      }
      if let limit = settings.retentionByteCount {
        var byteCount = 0
        let kept = state.index.blocks.reversed().prefix { block in
          byteCount += block.byteCount
          return byteCount <= limit
        }
        // The newest block stays, however large it is.
        var first = (kept.last ?? state.index.blocks.last)?.firstOffset
        if kept.count == state.index.blocks.count {
          for file in state.cold.reversed() {
            byteCount += file.byteCount
            if byteCount > limit { break }
            first = file.offsets.lowerBound
          }
        }
        // Without rows in the log, the newest file stays.
        start = max(start, first ?? state.cold.last?.offsets.lowerBound ?? start)
      }
      if !settings.retentionIgnoresHolds, let held = state.holds.values.min() {
        start = min(start, held)
      }
      return start > state.visible.start ? start : nil
    }
  }
}
