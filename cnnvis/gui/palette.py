"""The window's own light and dark colours: the system's scheme is not told on every desktop."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from cnnvis.assets import resource
from cnnvis.layout.diagram import Ink
from cnnvis.layout.theme import DARK, LIGHT, Theme, blend
from cnnvis.painting.paint import colour

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = ("system", "light", "dark")


def chosen_theme(choice: Choice) -> Theme:
    """The theme of a choice; the system's scheme where it tells one, else light."""
    if choice == "system":
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return DARK if dark else LIGHT
    return DARK if choice == "dark" else LIGHT


def apply(application: QApplication, theme: Theme) -> None:
    """Dress the whole application in a theme."""
    application.setPalette(palette(theme))
    application.setStyleSheet(stylesheet(theme))


def palette(theme: Theme) -> QPalette:
    """The colours of widgets that the style sheet does not name."""
    roles = {
        QPalette.ColorRole.Window: "card",
        QPalette.ColorRole.Base: "card",
        QPalette.ColorRole.AlternateBase: "canvas",
        QPalette.ColorRole.Button: "card",
        QPalette.ColorRole.ToolTipBase: "card",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.PlaceholderText: "muted",
        QPalette.ColorRole.Mid: "border",
        QPalette.ColorRole.Link: "accent",
        QPalette.ColorRole.Highlight: "accent",
    }
    found = QPalette()
    for role, ink in roles.items():
        found.setColor(role, colour(theme, Ink(ink)))
    found.setColor(QPalette.ColorRole.HighlightedText, QColor("white" if theme is LIGHT else "#15191e"))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        found.setColor(QPalette.ColorGroup.Disabled, role, colour(theme, Ink("muted", strength=0.6)))
    return found


def stylesheet(theme: Theme) -> str:
    """The style sheet: flat, one-pixel borders, an 8 px grid, one accent."""
    values = {role: _hex(theme, role) for role in ("canvas", "card", "border", "text", "muted", "faint", "accent")}
    values["wash"] = "#{:02x}{:02x}{:02x}".format(*blend(theme.roles["accent"], theme.roles["card"], 0.12))
    values["disabled"] = "#{:02x}{:02x}{:02x}".format(*blend(theme.roles["muted"], theme.roles["card"], 0.6))
    values["warning"] = "#{:02x}{:02x}{:02x}".format(*blend(theme.roles["inhibit"], theme.roles["card"], 0.14))
    values["tick"] = LIGHT.hex(Ink("accent"))  # in both themes: the tick on it is white
    values["inhibit"], values["excite"] = _hex(theme, "inhibit"), _hex(theme, "excite")
    values["mild"] = "#{:02x}{:02x}{:02x}".format(*blend(theme.roles["inhibit"], theme.roles["card"], 0.45))
    values["hovered"] = "#{:02x}{:02x}{:02x}".format(*blend(theme.roles["faint"], theme.roles["card"], 0.5))
    values["on"] = "#ffffff" if theme is LIGHT else "#15191e"
    sheet = _SHEET.replace("@icons;", resource("icons").as_posix())
    for name, value in values.items():
        sheet = sheet.replace(f"@{name};", f"{value};")
    return sheet


def _hex(theme: Theme, role: str) -> str:
    return theme.hex(Ink(role))


_SHEET = """
* { font-size: 12px; }
QMainWindow, QDialog, QWidget#page { background: @card; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QWidget#canvasGround { background: @canvas; }
QMainWindow::separator { background: @border; width: 1px; height: 1px; }
QLabel { background: transparent; }
QLabel[tone="name"] { font-size: 15px; font-weight: 600; }
QLabel[tone="hero"] { font-size: 28px; font-weight: 600; }
QLabel[tone="muted"] { color: @muted; }
QLabel[tone="section"] { color: @muted; font-size: 10px; font-weight: 600; letter-spacing: 1px; }
QLabel[tone="small"] { color: @muted; font-size: 11px; }
QMenuBar { background: @card; border-bottom: 1px solid @border; padding: 1px 6px; }
QMenuBar::item { padding: 4px 8px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: @faint; }
QMenu { background: @card; border: 1px solid @border; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 24px; border-radius: 4px; }
QMenu::item:selected { background: @wash; }
QMenu::item:disabled { color: @disabled; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
QStatusBar { background: @card; border-top: 1px solid @border; color: @muted; }
QStatusBar QLabel { color: @muted; }
QStatusBar::item { border: none; }
QWidget#topBar { background: @card; border-bottom: 1px solid @border; }
QDockWidget { border: none; }
QWidget#panelTitle { background: @card; }
QPushButton, QToolButton[framed="true"], QComboBox {
  background: @card; border: 1px solid @border; border-radius: 4px; padding: 5px 12px; }
QPushButton:hover, QToolButton[framed="true"]:hover, QComboBox:hover { background: @faint; }
QPushButton:pressed, QToolButton[framed="true"]:pressed { background: @border; }
QPushButton:focus, QToolButton[framed="true"]:focus, QComboBox:focus { border-color: @accent; }
QPushButton:disabled { color: @disabled; }
QPushButton[tone="main"] { background: @accent; color: @on; border-color: @accent; }
QPushButton[tone="link"] { border-color: transparent; padding: 4px 0; text-align: left; }
QPushButton[tone="link"]:hover, QPushButton[tone="link"]:focus { background: transparent; color: @accent; }
QPushButton[tone="main"]:focus { border-color: @text; }
QPushButton[tone="main"]:disabled { background: @faint; color: @disabled; border-color: @border; }
QComboBox::drop-down { border: none; width: 20px; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {
  width: 0; border: none; }
QToolButton { border: none; border-radius: 4px; padding: 3px 6px; }
QToolButton:hover { background: @faint; }
QToolButton:focus { background: @faint; }
QWidget#segments QToolButton { background: @card; border: 1px solid @border; border-left: none; border-radius: 0;
  padding: 5px 14px; }
QWidget#segments QToolButton[segment="first"] { border-left: 1px solid @border; border-top-left-radius: 4px;
  border-bottom-left-radius: 4px; }
QWidget#segments QToolButton[segment="last"] { border-top-right-radius: 4px; border-bottom-right-radius: 4px; }
QWidget#segments QToolButton:hover, QWidget#segments QToolButton:focus { background: @faint; }
QWidget#segments QToolButton:checked { background: @accent; color: @on; border-color: @accent; }
QWidget#choices QToolButton { background: @card; color: @muted; border: 1px solid @border; border-left: none;
  border-radius: 0; padding: 2px 10px; }
QWidget#choices QToolButton[segment="first"] { border-left: 1px solid @border; border-top-left-radius: 4px;
  border-bottom-left-radius: 4px; }
QWidget#choices QToolButton[segment="last"] { border-top-right-radius: 4px; border-bottom-right-radius: 4px; }
QWidget#choices QToolButton:hover, QWidget#choices QToolButton:focus { background: @faint; }
QWidget#choices QToolButton:checked { background: @wash; color: @text; }
QToolButton[choice="true"] { border: 1px solid @border; color: @muted; padding: 2px 10px; }
QToolButton[choice="true"]:checked { background: @wash; color: @text; }
QToolButton::menu-indicator { image: none; width: 0; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox {
  background: @card; border: 1px solid @border; border-radius: 4px; padding: 4px 8px;
  selection-background-color: @accent; selection-color: @on; }
QLineEdit#search { background: @canvas; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus { border-color: @accent; }
QComboBox { padding-right: 4px; }
QComboBox QLineEdit { border: none; background: transparent; padding: 0; margin: 0; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url(@icons;/down.svg); width: 10px; height: 10px; }
QComboBox { combobox-popup: 0; }
QComboBox QAbstractItemView, QAbstractItemView#completions { border: 1px solid @border; padding: 4px; }
QSpinBox, QDoubleSpinBox { padding-right: 22px; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {
  subcontrol-origin: border; width: 20px; border: none; background: transparent; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-position: top right; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-position: bottom right; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url(@icons;/up.svg); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url(@icons;/down.svg); width: 10px; height: 10px; }
QCheckBox, QRadioButton { spacing: 8px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid @muted; border-radius: 3px; background: @card; }
QCheckBox::indicator:checked { background: @tick; border-color: @tick; image: url(@icons;/check.svg); }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid @muted; border-radius: 8px; background: @card; }
QRadioButton::indicator:checked { border: 5px solid @tick; width: 6px; height: 6px; background: white; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: @border; }
QCheckBox:focus, QRadioButton:focus { color: @accent; }
QTreeView::branch:has-children:!open { image: url(@icons;/right.svg); }
QTreeView::branch:has-children:open { image: url(@icons;/open.svg); }
QTreeView, QListView, QTableView { background: @card; border: none; outline: none; }
QTreeView::item, QListView::item { padding: 3px 4px; border-radius: 4px; }
QTreeView::item:hover, QListView::item:hover { background: @faint; }
QTreeView::item:selected, QListView::item:selected { background: @wash; color: @text; }
QTreeView { show-decoration-selected: 1; }
QTreeView::item { border-radius: 0; }
QTreeView::branch { background: transparent; }
QTreeView::branch:selected, QTreeView::item:selected { background: @wash; }
QTreeView::branch:hover:!selected, QTreeView::item:hover:!selected { background: @faint; }
QHeaderView::section { background: @card; color: @muted; border: none; border-bottom: 1px solid @border; padding: 4px; }
QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-position: top center; width: 8px; height: 8px; }
QHeaderView::up-arrow { image: url(@icons;/up.svg); }
QHeaderView::down-arrow { image: url(@icons;/down.svg); }
QScrollArea { border: none; background: @card; }
QScrollArea > QWidget > QWidget { background: @card; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 8px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 8px; margin: 0; }
QScrollBar::handle { background: @border; border-radius: 4px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: transparent; border: none; max-height: 2px; min-height: 2px; }
QProgressBar::chunk { background: @accent; }
QSlider::groove:horizontal { height: 2px; background: @border; border-radius: 1px; }
QSlider::sub-page:horizontal { background: @accent; height: 2px; }
QSlider::handle:horizontal { background: @accent; width: 12px; height: 12px; margin: -5px 0; border-radius: 6px; }
QToolTip { background: @card; color: @text; border: 1px solid @border; padding: 4px; }
QFrame#notice { background: @wash; border: none; border-bottom: 1px solid @border; }
QFrame#notice[kind="error"] { background: @warning; }
QFrame#found { background: @card; border: 1px solid @border; border-radius: 6px; }
QFrame#instanceBar { background: @card; border: none; border-bottom: 1px solid @border; }
QToolButton[framed="true"][chosen="true"] { border-color: @accent; background: @wash; }
QListView#framedList { border: 1px solid @border; border-radius: 4px; }
QFrame#tile { background: @card; border: 1px solid @border; border-radius: 4px; }
QFrame#tile:hover, QFrame#tile:focus { border-color: @accent; }
QFrame#finding { background: @card; border: 1px solid @border; border-left: 3px solid @mild; border-radius: 4px; }
QFrame#finding[level="alarm"] { border-left-color: @inhibit; }
QFrame#finding[level="hint"] { border-left-color: @excite; }
QFrame#finding:hover { background: @hovered; }
QFrame#finding:focus { border-top-color: @accent; border-right-color: @accent; border-bottom-color: @accent; }
QFrame#finding QToolButton { color: @muted; font-size: 11px; padding: 1px 5px; }
QTableView::item:selected { background: @wash; color: @text; }
QFrame#line { background: @border; border: none; }
QTabBar::tab { background: transparent; color: @muted; padding: 5px 10px; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
"""
