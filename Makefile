# Thin aliases; infra/dev.py is the real thing and needs no make.
.PHONY: demo test check status down

demo:   ; python3 infra/dev.py demo
test:   ; python3 infra/dev.py test
check:  ; python3 infra/dev.py check
status: ; python3 infra/dev.py status
down:   ; python3 infra/dev.py down
