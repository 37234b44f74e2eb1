"""How one comes to the sign-in page and to each pop-up, for those who weigh and time them."""

from collections.abc import Callable

from tests.browser.person import Person, written


def to_introduction(person: Person) -> None:
    person.type_password()
    person.is_at("/entrar/introducao/")


def to_phone(person: Person) -> None:
    to_introduction(person)
    person.press("/entrar/introducao/")
    person.is_at("/entrar/telefone/")


def to_channel(person: Person) -> None:
    person.type_password()
    person.is_at("/entrar/canal/")


def to_token(person: Person) -> None:
    to_channel(person)
    person.ask_for_token("email")


def to_change(person: Person) -> None:
    person.sign_in()
    person.go("/meu-perfil/")
    person.field("number").fill(written(person.new_number))
    person.press("/meu-perfil/telefone/")
    person.is_at("/meu-perfil/telefone/confirmar/")


# Path, the state of the account that leads there, and the way.
ARRIVALS: dict[str, tuple[str, Callable[[Person], None]]] = {
    "/entrar/": ("on", lambda person: None),
    "/entrar/introducao/": ("on", to_introduction),
    "/entrar/telefone/": ("on", to_phone),
    "/entrar/canal/": ("enrolled", to_channel),
    "/entrar/token/": ("enrolled", to_token),
    "/meu-perfil/telefone/confirmar/": ("enrolled", to_change),
}
