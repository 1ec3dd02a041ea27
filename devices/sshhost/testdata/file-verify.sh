# verify of pos-app-4.2.1
entry_1() { proof_service 'pos-app'; }
entry_2() { proof_http 'http://127.0.0.1:8080/health'; }
entry_3() { proof_tcp '127.0.0.1:7001'; }
entry_4() { proof_command 'sh' '-c' 'it'\''s $HOME'; }
all() { proof_file '/etc/pos/it'\''s.conf' 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' && entries 4; }
verify 'pos-app-4.2.1' '5e9ae866add9a85d69c3481d059bb9f158a39e5670ba11f95112fc409630894e' 60 5
