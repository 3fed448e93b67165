private import Glibc
private import Synchronization

/// A line on standard error that shows a person that something is going on.
///
/// It appears after half a second, so that quick statements leave no trace.
final class Progress: Sendable {
  private static let delay: Duration = .milliseconds(500)
  private static let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

  private let rowCount = Atomic<Int>(0)
  /// In percent; negative as long as it is not known.
  private let percent = Atomic<Int>(-1)
  private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

  /// - Parameter isShown: Whether standard error is a terminal; else nothing happens.
  init(isShown: Bool) {
    guard isShown else { return }
    task.withLock { task in
      task = Task { [weak self] in
        try? await Task.sleep(for: Self.delay)
        let start = ContinuousClock.now - Self.delay
        var frame = 0
        while !Task.isCancelled, let self {
          self.draw(frame, ContinuousClock.now - start)
          frame += 1
          try? await Task.sleep(for: .milliseconds(100))
        }
        if frame > 0 { Self.write("\r\u{1B}[K") }
      }
    }
  }

  func add(rowCount count: Int) { rowCount.wrappingAdd(count, ordering: .relaxed) }

  /// Asks how far the statement is until there is no more news; cancelled with the returned task.
  func follow(_ rows: ShellRows) -> Task<Void, Never> {
    Task { [self] in
      try? await Task.sleep(for: Self.delay)
      while !Task.isCancelled {
        switch await rows.progress() {
        case .fraction(let fraction):
          percent.store(Int(100 * min(max(fraction, 0), 1)), ordering: .relaxed)
        case .unknown: break
        case .over: return
        }
        try? await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Takes the line away; returns when it is gone.
  func stop() async {
    let task = task.withLock { task in
      defer { task = nil }
      return task
    }
    task?.cancel()
    await task?.value
  }

  private func draw(_ frame: Int, _ time: Duration) {
    let (seconds, attoseconds) = time.components
    let tenths = attoseconds / 100_000_000_000_000_000
    let rows = rowCount.load(ordering: .relaxed)
    let percent = percent.load(ordering: .relaxed)
    var text = rows > 0 ? "  \(grouped(rows)) rows" : ""
    if percent >= 0 { text += "  \(percent) %" }
    Self.write("\r\(Self.frames[frame % Self.frames.count]) \(seconds).\(tenths) s\(text)\u{1B}[K")
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe _ = Glibc.write(STDERR_FILENO, buffer.baseAddress, buffer.count)
    }
  }
}
