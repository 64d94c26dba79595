sqlalchemy_url = '\x41\u00e9\U0001F600\101\'\\\q\
' r'\' b"no" '''a
''b''' f'{{{1}{"x"}}}'
