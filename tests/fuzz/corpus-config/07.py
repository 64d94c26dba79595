cf'''{"'''
'geheim
"}