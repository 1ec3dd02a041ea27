# install of pos-app-4.2.1
entry_1() { proof_service 'pos-app'; }
entry_2() { proof_http 'http://127.0.0.1:8080/health'; }
entry_3() { proof_tcp '127.0.0.1:7001'; }
entry_4() { proof_command 'sh' '-c' 'it'\''s $HOME'; }
baseline 'pos-app-4.2.1' 4
install_deb 15 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' 'pos-app_4.2.1_all.deb' 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' 'pos-db_4.2.1_all.deb'
