/// The order in which groups with running columns go to the log: a state machine.
///
/// What is in a row depends on the rows before it. Groups are handed over one behind the other without
/// waiting, each for the offset at which the one before it ends. When one is not stored after all, the
/// log refuses those behind it. When all of them are answered, what they had added is taken back, and
/// those that were refused are handed over again, before the ones that wait.
struct WriteQueue<Job: Sendable, Undo: Sendable>: Sendable {
  private struct Entry: Sendable {
    var number: UInt64
    var job: Job
    var undo: Undo
  }

  enum Answer: Sendable {
    /// Stored where it was expected.
    case stored
    /// Not stored, for good: the client knows.
    case notStored
    /// Not stored because another one was not: to be handed over again.
    case refused
  }

  enum Step: Sendable {
    /// `isFirst`: everything before it is answered and stored, so that the log says where it goes. That is
    /// known here only: by the time it is computed, more answers may have come.
    case handOver(Job, isFirst: Bool)
    /// In this order.
    case takeBack([Undo])
    case keep([Undo])
    /// The one who waits for everything to be answered may go on.
    case yield
  }

  private var waiting: [Job] = []
  private var inFlight: [Entry] = []
  private var refused: [Entry] = []
  private var notStored: [Entry] = []
  private var kept: [Undo] = []
  private var nextNumber: UInt64 = 0
  /// How many wait for a moment in which nothing is in flight.
  private var pauseCount = 0
  private var isPaused = false
  /// Whether somebody carries out the steps.
  private var isStepping = false

  mutating func add(_ job: Job) { waiting.append(job) }
  mutating func askForPause() { pauseCount += 1 }
  mutating func endPause() { isPaused = false }

  /// Whether the caller is to carry out the steps, until there are none.
  mutating func beginSteps() -> Bool {
    guard !isStepping, !isPaused else { return false }
    // Undos that stay can wait for the next group.
    guard !waiting.isEmpty || pauseCount > 0 || !refused.isEmpty || !notStored.isEmpty else {
      return false
    }
    isStepping = true
    return true
  }

  /// The next thing to do; nil ends the steps.
  mutating func nextStep() -> Step? {
    if !kept.isEmpty {
      defer { kept = [] }
      return .keep(kept)
    }
    if !refused.isEmpty || !notStored.isEmpty {
      guard inFlight.isEmpty else { return stop() }
      let all = (refused + notStored).sorted { $0.number > $1.number }
      waiting = refused.sorted { $0.number < $1.number }.map(\.job) + waiting
      (refused, notStored) = ([], [])
      return .takeBack(all.map(\.undo))
    }
    if pauseCount > 0 {
      guard inFlight.isEmpty else { return stop() }
      pauseCount -= 1
      (isPaused, isStepping) = (true, false)
      return .yield
    }
    if waiting.isEmpty { return stop() }
    return .handOver(waiting.removeFirst(), isFirst: inFlight.isEmpty)
  }

  private mutating func stop() -> Step? {
    isStepping = false
    return nil
  }

  /// - Returns: The number to answer to.
  mutating func handedOver(_ job: Job, _ undo: Undo) -> UInt64 {
    nextNumber += 1
    inFlight.append(Entry(number: nextNumber, job: job, undo: undo))
    return nextNumber
  }

  mutating func answer(_ number: UInt64, _ answer: Answer) {
    guard let index = inFlight.firstIndex(where: { $0.number == number }) else { return }
    let entry = inFlight.remove(at: index)
    switch answer {
    case .stored: kept.append(entry.undo)
    case .notStored: notStored.append(entry)
    case .refused: refused.append(entry)
    }
  }
}
