"""The live window, drawn with Tk: it is in the standard library, and without a display it raises an error.

OpenCV's own windows are not an option: the headless wheel has none, and the other wheel kills the process if there is
no display.
"""

from __future__ import annotations

import dataclasses
import gc
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Self

from moue.errors import MoueError
from moue.recognition.cuts import still_there
from moue.recognition.live import Rate
from moue.webcam.screen import Screen, first_size, save_image

if TYPE_CHECKING:
    import tkinter
    from pathlib import Path

    from moue.media.video import VideoFrame
    from moue.recognition.frame_result import FrameResult
    from moue.recognition.live import Live

_HEADLESS: Final = "Without a window: moue webcam --headless"
_NO_TK: Final = (
    "Debian, Ubuntu: apt install python3-tk python3-pil.imagetk; Fedora: dnf install python3-tkinter; "
    "Homebrew: brew install python-tk."
)
_IDLE_MS, _BUSY_MS = 4, 1  # how soon to look for a newer frame
_NOTICE_S: Final = 3.0
_MIN_SIZE: Final = (320, 260)


class Window:
    """A window for `Live`; it opens hidden, so a missing display is an error at once.

    Keys: q or Esc ends, s saves an image, m mirrors, b shows or hides the bars.

    Args:
        title: The title of the window.
        screen: Draws the content.
        save_to: Folder for saved images.

    Attributes:
        num_shown: How many frames were drawn.
        saved: The saved images.

    Raises:
        MoueError: this Python has no Tk, or there is no display.
    """

    def __init__(self, title: str, screen: Screen, save_to: Path) -> None:
        self.num_shown = 0
        self.saved: list[Path] = []
        self._screen, self._save_to = screen, save_to
        self._root: Any = _open_root(title)
        self._root.report_callback_exception = self._on_error
        self._root.protocol("WM_DELETE_WINDOW", self._root.quit)
        self._root.bind("<Key>", self._on_key)
        self._label: Any = _label_in(self._root)
        self._photo: Any = None
        self._error: BaseException | None = None
        self._notice, self._notice_until = "", 0.0
        self._saver = ThreadPoolExecutor(1, "moue-save")
        self._saving: list[Future[Path]] = []
        self._rate, self._last_drawn, self._changed = Rate(), 0, False
        self._live: Live[FrameResult] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish_saving()
        self._root.destroy()
        # Tk crashes if another thread frees it, so all of it is freed here and now.
        self._root = self._label = self._photo = None
        gc.collect()

    def finish_saving(self) -> None:
        """Wait for images that are still being written; no more can be saved afterwards."""
        self._saver.shutdown()
        self._collect_saved()

    def show(self, live: Live[FrameResult]) -> None:
        """Show the frames of `live` until the user quits or there are no more.

        Raises:
            MoueError: the camera or the model failed.
            KeyboardInterrupt: Ctrl-C was pressed in the terminal.
        """
        self._live = live
        self._root.after(_IDLE_MS, self._tick)
        self._root.mainloop()
        self._live = None
        if self._error is not None:
            raise self._error

    def _tick(self) -> None:
        live = self._live
        # An error is stored before the frames are closed, so calling `running` after this check raises it.
        ended = live is None or live.frames.closed
        if live is None or not live.running() or ended:
            self._root.quit()
            return
        self._collect_saved()
        newest = live.frames.wait(self._last_drawn, 0)
        frame = newest[1] if newest else live.frames.peek()
        if newest is not None:
            self._last_drawn = newest[0]
            self.num_shown += 1
            self._rate.add(time.monotonic())
        drawn = frame is not None and (newest is not None or self._changed)
        if frame is not None and drawn:
            self._changed = False
            self._draw(frame, live)
        self._root.after(_BUSY_MS if drawn else _IDLE_MS, self._tick)

    def _draw(self, frame: VideoFrame, live: Live[FrameResult]) -> None:
        from PIL import ImageTk  # noqa: PLC0415 (optional; `_open_root` has found it)

        if self._photo is None:
            self._appear(frame)
        size = self._root.winfo_width(), self._root.winfo_height()
        now = time.monotonic()
        notice = self._notice if now < self._notice_until else ""
        rates = f"{self._rate.per_second(now):.0f} fps shown, {live.analysis_fps():.0f} analysed"
        result = self._still_valid(frame, live.results.peek())
        image = self._screen.compose(frame.image, result, size, notice, rates)
        if self._photo is None or (self._photo.width(), self._photo.height()) != image.size:
            self._photo = ImageTk.PhotoImage(image, master=self._root)
            self._label.configure(image=self._photo)
        else:
            self._photo.paste(image)

    @staticmethod
    def _still_valid(frame: VideoFrame, newest: tuple[VideoFrame, FrameResult] | None) -> FrameResult | None:
        """Return the newest result without the faces that have left their boxes since."""
        if newest is None:
            return None
        before, result = newest
        faces = tuple(face for face in result.faces if still_there(before.image, frame.image, face.box))
        return dataclasses.replace(result, faces=faces)

    def _appear(self, frame: VideoFrame) -> None:
        root = self._root
        screen = root.winfo_screenwidth(), root.winfo_screenheight()
        width, height = first_size(frame.image.shape[1], frame.image.shape[0], screen)
        root.geometry(f"{width}x{height}")
        root.minsize(*_MIN_SIZE)
        root.deiconify()
        root.update()
        root.focus_force()

    def _on_key(self, event: tkinter.Event[tkinter.Misc]) -> None:
        key = event.keysym.lower()
        if key in ("q", "escape"):
            self._root.quit()
        elif key == "s":
            self._save()
        elif key == "m":
            self._screen.mirror = not self._screen.mirror
        elif key == "b":
            self._screen.bars = not self._screen.bars
        self._changed = True

    def _save(self) -> None:
        """Save the newest analysed image with its own predictions, in a thread so that the display does not stall."""
        live = self._live
        newest = live.results.peek() if live else None
        if newest is None:
            self._show_notice("nothing to save yet")
            return
        frame, result = newest
        self._saving.append(self._saver.submit(save_image, self._screen.drawn(frame.image, result), self._save_to))

    def _collect_saved(self) -> None:
        for done in [each for each in self._saving if each.done()]:
            self._saving.remove(done)
            try:
                self.saved.append(done.result())
                self._show_notice(f"saved {self.saved[-1].name}")
            except MoueError as error:
                self._show_notice(f"not saved: {error.came}")

    def _show_notice(self, notice: str) -> None:
        self._notice, self._notice_until, self._changed = notice, time.monotonic() + _NOTICE_S, True

    def _on_error(self, _kind: object, error: BaseException, _trace: object) -> None:
        # Tk would print the error and continue, even after Ctrl-C.
        self._error = error
        self._root.quit()


def _open_root(title: str) -> Any:  # noqa: ANN401 (tkinter is optional)
    try:
        import tkinter  # noqa: PLC0415 (many systems have it in a separate package)

        from PIL import ImageTk  # noqa: F401, PLC0415 (likewise)
    except ImportError as error:
        raise MoueError(
            f"this Python has no Tk: {error}", "tkinter, which opens the window", f"{_NO_TK} {_HEADLESS}"
        ) from error
    try:
        root = tkinter.Tk(className="moue")
    except tkinter.TclError as error:
        raise MoueError(
            f"there is no display to open a window on: {error}", "a graphical desktop", _HEADLESS
        ) from error
    root.withdraw()
    root.title(title)
    root.configure(background="black")
    return root


def _label_in(root: Any) -> Any:  # noqa: ANN401 (tkinter is optional)
    import tkinter  # noqa: PLC0415 (optional; `_open_root` has found it)

    label = tkinter.Label(root, borderwidth=0, highlightthickness=0, background="black")
    # The image is resized with the window; the window is not resized with the image.
    label.place(x=0, y=0, relwidth=1, relheight=1)
    return label
