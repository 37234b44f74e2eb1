"""The most common passwords in Brazil, in Spanish-speaking countries and everywhere.

The estimator's own lists are English; Django's list of 20,000 whole passwords is used as well.
"""

_WORDS = (
    # Portuguese
    "senha senhas mudar mudarsenha minhasenha senhasegura senhaforte trocar trocarsenha acesso entrar admin"
    " administrador usuario teste testando empresa escritorio trabalho brasil brasileiro bemvindo bomdia teamo"
    " euteamo tequero eutequero amor meuamor amormeu saudade deus deusefiel jesus jesuscristo cristo senhor"
    " jesusteama nossasenhora familia minhafamilia felicidade gatinha princesa princesinha estrela borboleta"
    " flamengo corinthians palmeiras saopaulo santos gremio internacional cruzeiro atletico vasco vascodagama"
    " botafogo fluminense bahia vitoria fortaleza ceara sport coritiba athletico timao mengao verdao tricolor"
    " gabriel gabriela mariana juliana fernanda rodrigo eduardo guilherme leonardo rafael rafaela vitoria beatriz"
    " janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro"
    " segunda terca quarta quinta sexta sabado domingo verao inverno outono primavera"
    " riodejaneiro belohorizonte salvador brasilia curitiba portoalegre recife manaus lisboa benfica sporting"
    # Spanish
    " contrasena contrasenia clave miclave micontrasena cambiar cambiarclave cambiame acceso administrador usuario"
    " prueba hola holamundo bienvenido bienvenidos buenosdias teamo teamomucho tequiero amor miamor dios diosesamor"
    " diosmio jesucristo familia mifamilia princesa estrella mariposa corazon colombia mexico argentina espana chile"
    " peru venezuela ecuador barcelona realmadrid madrid atleticomadrid bocajuniors boca riverplate river america"
    " chivas guadalajara nacional millonarios colocolo alianza universitario alejandro alejandra sebastian"
    " enero febrero marzo mayo junio julio septiembre octubre noviembre diciembre verano invierno primavera"
    " lunes martes miercoles jueves viernes sabado domingo"
    # English
    " password passwords mypassword changeme change welcome letmein login access admin administrator secret qwerty"
    " iloveyou loveyou monkey dragon football baseball sunshine princess superman batman master company office"
    " test testing guest default summer winter spring autumn monday friday january december"
)
COMMON = frozenset(_WORDS.split())
