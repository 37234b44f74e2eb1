"""How somebody works a page: by mouse, or by the keys alone. Both count what they do."""

from playwright.sync_api import Locator, expect

FOCUSED = "node => node === document.activeElement"
MOST_TABS = 60


class Mouse:
    """A pointer, and a keyboard for what has to be typed."""

    def __init__(self) -> None:
        self.clicks = self.keys = 0

    def press(self, place: Locator) -> None:
        """Click a button, a link, a box."""
        self._wait(place)
        place.click()
        self.clicks += 1

    def write(self, place: Locator, text: str) -> None:
        """Write into a field, whose old text goes."""
        self._reach(place)
        place.fill(text)
        self.keys += len(text)

    @staticmethod
    def _wait(place: Locator) -> None:
        """Wait for the page's scripts, which listen to what is typed and pressed, and choose where the focus begins."""
        place.page.wait_for_load_state()

    def _reach(self, place: Locator) -> None:
        place.wait_for()
        self._wait(place)
        if not place.evaluate(FOCUSED):
            self.press(place)


class Keyboard(Mouse):
    """Tab, Space, Enter and letters; nothing is reached that Tab does not reach."""

    def press(self, place: Locator) -> None:
        """Press Space on a box and Enter on all else."""
        self._reach(place)
        box = place.evaluate("node => node.matches('input[type=checkbox], input[type=radio]')")
        self._key(place, "Space" if box else "Enter")

    def _reach(self, place: Locator) -> None:
        expect(place).to_be_enabled()
        self._wait(place)
        for _ in range(MOST_TABS):
            if place.evaluate(FOCUSED):
                return
            self._key(place, "Tab")
        raise AssertionError(f"Tab never reaches {place}")

    def _key(self, place: Locator, key: str) -> None:
        place.page.keyboard.press(key)
        self.keys += 1
